//! The controllers' consensus (this room is being built).

pub mod message;
