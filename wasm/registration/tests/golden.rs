// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vectors that pytest reads too.

use registration::solve;
use testkit::{cases, distance, number, numbers};

#[test]
fn golden_vectors() {
    for case in cases("registration") {
        let name = case["name"].as_str().unwrap();
        let (fixed, moving, weights) = (numbers(&case["fixed"]), numbers(&case["moving"]), numbers(&case["weights"]));
        let mut residuals = vec![0.0; fixed.len()];
        match solve(&fixed, &moving, &weights, &mut residuals) {
            Err(refusal) => assert_eq!(refusal as i64, case["status"].as_i64().unwrap(), "{name}"),
            Ok(fit) => {
                assert_eq!(case["status"].as_i64(), Some(0), "{name}");
                let tolerance = number(&case["tolerance"]);
                assert!(distance(&fit.transform, &numbers(&case["transform"])) <= tolerance, "{name}: transform");
                assert!(distance(&residuals, &numbers(&case["residuals"])) <= tolerance, "{name}: residuals");
                assert!(distance(&[fit.fre], &numbers(&case["fre"])) <= tolerance, "{name}: fre");
                assert!(distance(&fit.spread, &numbers(&case["spread"])) <= tolerance, "{name}: spread");
            }
        }
    }
}
