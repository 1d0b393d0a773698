"""The addresses that casino platforms post to."""
