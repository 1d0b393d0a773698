"""What every app may use: money, time, database, outgoing HTTP, privacy, admin bases. No business words."""
