"""Which versions of a served model there are, and which one clients get."""
