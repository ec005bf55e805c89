//! tierwall: network policy, evaluated exactly.
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod cluster;
pub mod diagnostic;
pub mod dialect;
pub mod explain;
pub mod limits;
pub mod lower;
#[cfg(feature = "yaml")]
pub mod manifest;
pub mod model;
pub mod reference;
pub mod resource;
pub mod selector;
