#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierwall_fuzz::update_vs_rebuild::check(data));
