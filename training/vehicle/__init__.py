"""The networks that tell what a vehicle is: type, colour and side; make and model in a pack of its own."""
