"""Record, replay and compare: proves that two services can't be told apart."""
