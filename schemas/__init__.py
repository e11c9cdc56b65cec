"""The wire contracts: CLR types, contracts, and one file for each contract."""
