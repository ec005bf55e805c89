#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierwall_fuzz::snapshot_from_bytes::check(data));
