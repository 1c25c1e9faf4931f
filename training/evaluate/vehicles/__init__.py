"""What a pack tells of vehicles: their boxes, types, colours, sides, makes and models."""
