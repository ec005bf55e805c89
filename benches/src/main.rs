//! x
fn main() {
    let now = std::time::Instant::now();
    let w = tierwall_benches::workload::Workload::generate(&tierwall_benches::workload::W1.parameters);
    let a = now.elapsed();
    let c = tierwall_benches::workload::load(w.objects);
    println!("{a:?} {:?} {:?}", now.elapsed(), tierwall_benches::workload::Shape::of(&c));
}
