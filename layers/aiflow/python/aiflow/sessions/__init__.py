"""The persisted state of a call: the record, its encoding, the store port and two stores."""
