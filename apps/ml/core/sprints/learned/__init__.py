"""What an installation's own sprints teach beside the prior that ships: the model type `sprint_duration`."""
