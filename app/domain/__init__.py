"""What the service talks about, without any of its machinery: plain values, errors and rules."""
