"""The statements of each resource. Parameters are named like the columns they meet."""
