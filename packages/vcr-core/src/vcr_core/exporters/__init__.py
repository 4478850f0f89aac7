"""Recordings in other forms: text for people, JSON for programs, one self-contained file to carry away."""
