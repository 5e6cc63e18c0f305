"""What trains: rows in, a published version out. The only place that knows scikit-learn."""
