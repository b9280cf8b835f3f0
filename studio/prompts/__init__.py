"""Prompts: product, template and brand put into words, in the way of speaking of each family of generators."""
