#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tierwall_fuzz::compiled_vs_reference::check(data));
