"""The click edge: a lean ASGI program beside Django that sends visitors on once their click is durable."""
