"""Garments off a mannequin: what is cloth, what is not, and the inside behind the neckline."""
