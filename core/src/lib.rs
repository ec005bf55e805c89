//! tierwall: network policy, evaluated exactly.
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod diagnostic;
pub mod limits;
#[cfg(feature = "yaml")]
pub mod manifest;
