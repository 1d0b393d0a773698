"""Whole stories: signed webhooks in, figures and postbacks out."""
