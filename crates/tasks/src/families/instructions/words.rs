//! What a very small model can know: kinds of things, in English and Chinese, and words for sentences.

use crate::verify::number::units;

/// Things of one kind.
pub struct Kind {
    /// `colors`
    pub name: &'static str,
    /// The same in Chinese, with its counting word.
    pub chinese_name: &'static str,
    /// There are no others than those listed.
    pub is_closed: bool,
    /// In English.
    pub words: &'static [&'static str],
    /// In Chinese.
    pub chinese_words: &'static [&'static str],
    /// Other words that are of this kind too, though they are listed as another.
    pub also: &'static [&'static str],
}

/// All kinds.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "colors",
        chinese_name: "种颜色",
        is_closed: false,
        words: &[
            "red", "blue", "green", "yellow", "black", "white", "orange", "purple", "pink", "brown", "gray", "gold",
        ],
        chinese_words: &["红色", "蓝色", "绿色", "黄色", "黑色", "白色", "橙色", "紫色", "粉色", "棕色"],
        also: &["peach", "plum", "lemon", "cherry"],
    },
    Kind {
        name: "animals",
        chinese_name: "种动物",
        is_closed: false,
        words: &[
            "cat", "dog", "horse", "cow", "pig", "sheep", "lion", "tiger", "bear", "wolf", "fox", "rabbit", "mouse",
            "duck", "goat", "frog",
        ],
        chinese_words: &["猫", "狗", "马", "牛", "猪", "羊", "狮子", "老虎", "熊", "兔子", "鸭子", "青蛙"],
        also: &["kiwi"],
    },
    Kind {
        name: "fruits",
        chinese_name: "种水果",
        is_closed: false,
        words: &[
            "apple", "banana", "orange", "pear", "grape", "lemon", "cherry", "peach", "plum", "mango", "melon", "kiwi",
        ],
        chinese_words: &["苹果", "香蕉", "橙子", "梨", "葡萄", "柠檬", "樱桃", "桃子", "芒果", "西瓜"],
        also: &[],
    },
    Kind {
        name: "days of the week",
        chinese_name: "个表示星期几的词",
        is_closed: true,
        words: &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
        chinese_words: &["星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"],
        also: &[],
    },
    Kind {
        name: "months",
        chinese_name: "个月份",
        is_closed: true,
        words: &units::MONTHS,
        chinese_words: &[
            "一月",
            "二月",
            "三月",
            "四月",
            "五月",
            "六月",
            "七月",
            "八月",
            "九月",
            "十月",
            "十一月",
            "十二月",
        ],
        also: &[],
    },
    Kind {
        name: "numbers as words",
        chinese_name: "个汉字数字",
        is_closed: false,
        words: &[
            "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "twenty",
        ],
        chinese_words: &["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"],
        also: &[],
    },
    Kind {
        name: "shapes",
        chinese_name: "种形状",
        is_closed: false,
        words: &["circle", "square", "triangle", "rectangle", "star", "heart", "oval", "cube", "cone", "sphere"],
        chinese_words: &["圆形", "正方形", "三角形", "长方形", "星形", "心形", "椭圆形"],
        also: &[],
    },
    Kind {
        name: "parts of the body",
        chinese_name: "个身体部位",
        is_closed: false,
        words: &["head", "hand", "foot", "arm", "leg", "eye", "ear", "nose", "mouth", "knee", "finger", "back"],
        chinese_words: &["头", "手", "脚", "胳膊", "腿", "眼睛", "耳朵", "鼻子", "嘴", "膝盖"],
        also: &["heart"],
    },
];

/// Words of sentences.
pub const ADJECTIVES: &[&str] = &["red", "small", "old", "big", "happy", "quiet", "young", "green", "brave", "kind"];
/// What sentences are about.
pub const NOUNS: &[&str] = &[
    "cat", "dog", "horse", "bird", "child", "teacher", "tree", "house", "river", "boat", "fox", "garden", "friend",
    "king",
];
/// What is done to something.
pub const VERBS: &[&str] = &["sees", "likes", "finds", "knows", "follows", "hears", "wants", "helps"];
/// What is done alone.
pub const ALONE: &[&str] = &["sleeps", "sings", "waits", "runs", "rests", "smiles"];
/// When or how.
pub const ADVERBS: &[&str] = &["today", "slowly", "again", "here", "now", "often", "outside", "alone"];
/// Keys of objects, and what they may hold; numbers where nothing is named.
pub const KEYS: &[(&str, &[&str])] = &[
    ("name", &["Tom", "Anna", "Li", "Maria", "Omar", "Kate"]),
    ("color", &["red", "blue", "green", "black"]),
    ("city", &["Paris", "Rome", "Beijing", "London"]),
    ("animal", &["cat", "dog", "horse", "fox"]),
    ("age", &[]),
    ("count", &[]),
    ("price", &[]),
    ("year", &[]),
];
