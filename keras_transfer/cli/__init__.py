"""The `keras-transfer` command."""
