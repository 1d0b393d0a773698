"""What a casino's developer sees of his platform's requests, by a link and without an account."""
