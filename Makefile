# make run      builds and starts the camera on this machine
# make test     every check (make test-rust, test-page, test-browser … are its parts)
# make bench    the figures, as ratios within one run
# make install  puts the programs, the desktop entry and its icon below PREFIX (/usr/local); make uninstall takes them away
# make soak     the long fault and load runs whose short forms are in make test
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# make run CAMERA=file:clip.mp4 MIC=none ARGS="--listen 0.0.0.0:8090"
CAMERA ?=
MIC ?=
ARGS ?=

.PHONY: help run setup setup-test test lint deny test-rust test-page test-browser test-whep page page-check bench soak fuzz webcam-check microphone-check speaker-check desktop-check window-check install uninstall clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup:
	@scripts/setup.sh

setup-test:
	@scripts/setup.sh test

run: setup
	cargo run --release --locked -p athome-streamer -- $(if $(CAMERA),--camera "$(CAMERA)") $(if $(MIC),--mic "$(MIC)") $(ARGS)

test:
	@scripts/test.sh

lint:
	scripts/certificate-guard.sh
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

# Licences, bans and sources; the advisory database needs a network that not every machine has.
deny:
	@scripts/with-cargo-deny.sh check bans licenses sources

test-rust:
	cargo test --locked --workspace --no-fail-fast

# Node's packages, installed once for each change of the lock file.
web-viewer/node_modules/.installed: web-viewer/package-lock.json
	cd web-viewer && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

page: web-viewer/node_modules/.installed
	cd web-viewer && npm run build

test-page: web-viewer/node_modules/.installed
	cd web-viewer && npm run check && npm test && npm run check-dist

# The whole workspace, so that every crate has the features that the tests were built with: nothing is compiled twice.
target/debug/athome-streamer: FORCE
	cargo build --locked --workspace

FORCE:

test-browser: web-viewer/node_modules/.installed target/debug/athome-streamer
	cd web-viewer && ATHOME_STREAMER=$(CURDIR)/target/debug/athome-streamer npm run e2e

test-whep: target/debug/athome-streamer
	scripts/whep-check.sh target/debug/athome-streamer

bench:
	cargo build --release --locked --workspace
	scripts/bench.sh

# make soak ATHOME_SOAK_MINUTES=60: how long it watches; twenty minutes otherwise. One test after the other, for clean figures.
soak:
	ATHOME_SOAK=1 cargo test --locked --workspace --test churn --test system --test live --test peer --test recording --test cameras -- --nocapture --test-threads 1
	cargo build --release --locked --workspace
	scripts/window-bench.sh target/release --minutes 10

# make fuzz TARGET=link SECONDS=60
TARGET ?= link
SECONDS ?= 60
fuzz:
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet --locked --version 0.13.2 cargo-fuzz
	cd tests/fuzz && mkdir -p corpus/$(TARGET) && cp ../../Cargo.lock . && \
	RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $(TARGET) corpus/$(TARGET) seeds/$(TARGET) -- -max_total_time=$(SECONDS)

# A real V4L2 webcam in a virtual machine; needs QEMU, so it is not part of make test.
webcam-check:
	scripts/webcam-check.sh

# A real sound server with a null sink; half a minute, and part of make test.
microphone-check:
	scripts/microphone-check.sh

speaker-check:
	@scripts/speaker-check.sh

# make install PREFIX=$$HOME/.local needs no rights; DESTDIR for packages; BIN=target/debug installs what was built there.
PREFIX ?= /usr/local
DESTDIR ?=
BIN ?= target/release
PROGRAMS = athome-streamer athome-viewer athome-signaling
SHARE = $(DESTDIR)$(PREFIX)/share

target/release/athome-viewer: FORCE
	cargo build --release --locked --workspace

install: $(if $(filter target/release,$(BIN)),target/release/athome-viewer)
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(SHARE)/applications" "$(SHARE)/icons/hicolor/scalable/apps"
	install -m 755 $(PROGRAMS:%=$(BIN)/%) "$(DESTDIR)$(PREFIX)/bin"
	install -m 644 viewer/desktop/athome-viewer.desktop "$(SHARE)/applications"
	install -m 644 viewer/desktop/athome-viewer.svg "$(SHARE)/icons/hicolor/scalable/apps"
	@$(MAKE) --no-print-directory desktop-database

uninstall:
	rm -f $(PROGRAMS:%="$(DESTDIR)$(PREFIX)/bin/%")
	rm -f "$(SHARE)/applications/athome-viewer.desktop" "$(SHARE)/icons/hicolor/scalable/apps/athome-viewer.svg"
	@$(MAKE) --no-print-directory desktop-database

# Where the system keeps lists of handlers and icons; a package's own scripts do it, so not under a DESTDIR.
.PHONY: desktop-database
desktop-database:
	@[ -n "$(DESTDIR)" ] || ! command -v update-desktop-database >/dev/null || update-desktop-database -q "$(SHARE)/applications"
	@[ -n "$(DESTDIR)" ] || ! command -v gtk-update-icon-cache >/dev/null || \
	    gtk-update-icon-cache -q -t -f "$(SHARE)/icons/hicolor" || true

# The desktop entry by its specification, and that install and uninstall leave nothing behind.
desktop-check: target/debug/athome-streamer
	@scripts/desktop-check.sh

# The real window under a display of its own, used as a person does; under a minute, and part of make test.
window-check:
	scripts/window-check.sh

clean:
	cargo clean
	rm -rf web-viewer/node_modules
