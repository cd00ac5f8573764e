"""The first version of the shop, until the new one takes its place."""
