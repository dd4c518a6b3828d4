//! The safe face of the machine: memory maps, cores, memory, disk space, energy, and what it takes to write a file
//! that is there completely or not at all.
//!
//! `unsafe` is allowed here (and in `kernels`) so that no other crate needs it. Everything degrades: what a system does
//! not report is `None`, never a guess. Linux and macOS.

pub mod cpu;
pub mod disk;
pub mod energy;
pub mod huge_pages;
pub mod limits;
pub mod memory;
pub mod mmap;

pub use energy::EnergyMeter;
pub use mmap::Mmap;
