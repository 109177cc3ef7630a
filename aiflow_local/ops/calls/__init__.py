"""The calls that a table keeps: found, shown, handed out, erased."""
