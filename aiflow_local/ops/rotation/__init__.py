"""The rotation of the token: two slots, so that no call is lost on the way."""
