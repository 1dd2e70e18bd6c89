"""The messages and services of Vera Edit, one package a version."""
