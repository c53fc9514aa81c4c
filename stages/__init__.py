"""Modelkiln: recipes become cached artifacts and a report that says which one to ship."""

__version__ = '0.1.0'
