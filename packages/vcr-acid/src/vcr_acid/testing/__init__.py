"""What tests of workspaces need: a judge, and disks that fail."""
