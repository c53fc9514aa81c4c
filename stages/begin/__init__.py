"""From a model file to a project: look at the file confined, choose variants, write recipe and project."""
