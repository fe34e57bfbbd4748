"""Real servers on loopback that tests stream from."""
