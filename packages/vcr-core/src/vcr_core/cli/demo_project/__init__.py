"""The files that `vcr demo` puts into its directory: a small project with two faults, and an agent that mends them."""
