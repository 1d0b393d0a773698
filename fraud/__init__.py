"""Fraud: rules that look at each conversion before anything is paid or sent."""
