"""The `vera-edit` command."""
