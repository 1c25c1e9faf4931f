"""The classes of each property, and what the tables' words mean in them.

A label is a tuple of classes of which one is true: a table that only says `car` tells less than one that says `sedan`.
"""

# The Snapshot API's vehicle types but Unknown, which the core gives where no class is likely enough.
TYPES = ("Big Truck", "Bus", "Motorcycle", "Pickup Truck", "Sedan", "SUV", "Van")
COLOURS = ("black", "blue", "brown", "green", "red", "silver", "white", "yellow")
ORIENTATIONS = ("Front", "Rear")

TYPE_WORDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("sedan", "coupe", "convertible", "hatchback", "wagon"), ("Sedan",)),
    **dict.fromkeys(("van", "minivan", "minibus", "mpv", "minibus/van"), ("Van",)),
    **dict.fromkeys(("truck", "heavy truck", "big truck"), ("Big Truck",)),
    **dict.fromkeys(("pickup", "pickup truck"), ("Pickup Truck",)),
    "suv": ("SUV",),
    "bus": ("Bus",),
    "motorcycle": ("Motorcycle",),
    "car": ("Sedan", "SUV"),
}
COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    **{each: (each,) for each in COLOURS},
    "grey": ("silver",),
    "beige": ("brown",),
    # The API has no orange and no purple: either neighbour is right.
    "orange": ("red", "yellow"),
    "purple": ("blue", "red"),
}
ORIENTATION_WORDS: dict[str, tuple[str, ...]] = {"front": ("Front",), "rear": ("Rear",)}

UNKNOWN_MODEL = "Unknown"
