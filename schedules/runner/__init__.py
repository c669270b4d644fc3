"""Starting, limiting and watching run processes."""
