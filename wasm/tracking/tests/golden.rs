// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vectors that pytest reads too.

use testkit::{cases, distance, number, numbers};
use tracking::interpolate;

#[test]
fn golden_vectors() {
    for case in cases("tracking") {
        let name = case["name"].as_str().unwrap();
        let (t0, t1, alpha) = (numbers(&case["t0"]), numbers(&case["t1"]), numbers(&case["alpha"]));
        let mut out = vec![0.0; t0.len()];
        match interpolate(&t0, &t1, &alpha, &mut out) {
            Err(refused) => {
                assert_eq!(refused.refusal as i64, case["status"].as_i64().unwrap(), "{name}");
                assert_eq!(refused.index as i64, case["index"].as_i64().unwrap(), "{name}");
            }
            Ok(()) => {
                assert_eq!(case["status"].as_i64(), Some(0), "{name}");
                assert!(distance(&out, &numbers(&case["out"])) <= number(&case["tolerance"]), "{name}");
            }
        }
    }
}
