"""2 look: gathers one Situation; the only clock."""
