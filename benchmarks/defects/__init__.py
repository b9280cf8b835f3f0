"""The learned defect classifier: seeding defects into real pictures, training, and the held-out report."""
