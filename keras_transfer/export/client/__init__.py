"""Asks a TF Serving server, over gRPC or REST."""
