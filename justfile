# What one does in this repository; `just` lists it. Every recipe is one command that works without just, too.

_default:
    @just --list

# make the environment and run the service on port 8080
run *OPTIONS:
    scripts/run {{OPTIONS}}

# style, types and all tests: what must pass before a change lands
test:
    scripts/test

# style and types only
lint:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    .venv/bin/mypy
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# put every file into the house style
fmt:
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .
    cargo fmt --all

# the figures of the documents: the core's speed and the service's overhead
bench:
    scripts/bench/core
    scripts/bench/service
    scripts/bench/limits

# With `.venv/bin/pip install -e '.[training]'`, and the photos and fonts in $PLATEHOST_SHARED (default: ../shared).
#
# train everything from first weights, with fixed seeds, for so many hours; stopped, it goes on where it was
train HOURS="12":
    .venv/bin/python -m training.everything --hours {{HOURS}}

# train one network (detector, reader, vehicle_attributes or make_model) until HH:MM from its committed state
train-one NETWORK UNTIL:
    .venv/bin/python -m training.everything --only {{NETWORK}} --until {{UNTIL}}

# score a pack, or two side by side, on the labelled photos and crops of $PLATEHOST_SHARED/data
evaluate PACK="models/default" *OPTIONS:
    .venv/bin/python -m training.evaluate {{PACK}} {{OPTIONS}}

# write the real answers of service and command line into README.md
readme:
    .venv/bin/python scripts/readme.py
