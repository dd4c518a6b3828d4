//! Chinese wordings of sums, differences, products and quotients.

/// Wordings by operator; `{a}` and `{b}` stand in the order of the expression, `{e}` is the expression itself.
pub fn templates(op: char) -> &'static [&'static str] {
    match op {
        '+' => &[
            "{a}加{b}等于多少",
            "{a}加{b}是多少",
            "{a}加上{b}等于几",
            "{a}与{b}的和是多少",
            "{a}和{b}的和等于多少",
            "求{a}与{b}的和",
            "把{a}和{b}相加",
            "{a}加{b}",
        ],
        '-' => &[
            "{a}减{b}等于多少",
            "{a}减{b}是多少",
            "{a}减去{b}等于几",
            "{a}与{b}的差是多少",
            "{a}减去{b}",
            "从{a}中减去{b}",
            "求{a}与{b}的差",
            "{a}减{b}",
        ],
        '×' => &[
            "{a}乘以{b}等于多少",
            "{a}乘{b}是多少",
            "{a}乘以{b}是多少",
            "{a}与{b}的积是多少",
            "{a}和{b}的乘积是多少",
            "求{a}与{b}的积",
            "{a}乘{b}等于几",
            "{a}乘{b}",
        ],
        '÷' => &["{a}除以{b}等于多少", "{a}除以{b}是多少", "{a}除以{b}等于几", "{a}与{b}的商是多少", "{a}除以{b}"],
        _ => &[],
    }
}

/// Wordings that hold any expression `{e}`.
pub const EXPRESSION: &[&str] = &[
    "{e}等于多少",
    "{e}是多少",
    "{e}=多少",
    "{e}等于几",
    "{e}=",
    "{e}=？",
    "计算{e}",
    "请计算{e}",
    "计算：{e}",
    "请问{e}等于多少",
    "请问{e}是多少",
    "{e}的结果是多少",
    "帮我算一下{e}",
    "算一下{e}",
    "求{e}",
    "请算{e}",
    "你好，{e}等于多少",
    "{e}的值是多少",
    "求{e}的值",
];

/// Final marks.
pub const ENDS: &[&str] = &["？", "？", "？", "?", "", "", "。"];
