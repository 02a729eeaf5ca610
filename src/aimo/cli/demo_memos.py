"""A year of short memos, Chinese and English, of somebody with a job, a garden and a family."""

from __future__ import annotations

from typing import Final, NamedTuple


class Demo(NamedTuple):
    """A memo; ``days`` and ``hour`` say how long ago and when, ``about`` names earlier ones by their keys."""

    days: int
    hour: int
    category: str
    tags: tuple[str, ...]
    content: str
    key: str = ""
    about: tuple[str, ...] = ()
    picture: str = ""
    public: bool = False


CATEGORIES: Final = {"日记": "#4f7cac", "Work": "#7a5cad", "读书": "#b0713a", "Home": "#4a8f5d", "旅行": "#2f8f9d"}

TAGS: Final = {
    "早晨": "#f2b134",
    "家人": "#e06c75",
    "跑步": "#56a3a6",
    "database": "#5b6ee1",
    "ideas": "#c678dd",
    "team": "#61afef",
    "garden": "#6aa84f",
    "kitchen": "#d19a66",
    "科幻": "#8e7cc3",
    "笔记": "#a67c52",
    "计划": "#3d85c6",
    "money": "#7f8c8d",
}

MEMOS: Final = (
    Demo(730, 20, "日记", ("家人",), "看了三套房子，最后一套厨房朝南，妈妈一进门就说“就这个吧”。", "flat"),
    Demo(
        365,
        19,
        "日记",
        ("家人",),
        "今天搬进了新家。第一顿饭是外卖饺子，坐在纸箱上吃的，灯还没装，反而很好看。",
        "moved",
        ("flat",),
        public=True,
    ),
    Demo(
        358,
        9,
        "Home",
        ("garden",),
        "The south wall gets sun from ten to five. That is where the tomatoes will go.",
        "wall",
    ),
    Demo(
        340,
        22,
        "读书",
        ("科幻", "笔记"),
        "《三体》读到第二部，黑暗森林的推理让人后背发凉：\n\n> 宇宙就是一座黑暗森林。",
        "three",
    ),
    Demo(
        322,
        14,
        "Work",
        ("database",),
        "Lost an afternoon to a query without an index. From now on: **look at the plan first**, then at the code.",
        "plan",
    ),
    Demo(301, 7, "日记", ("跑步", "早晨"), "第一次跑完五公里，用了三十四分钟。最后一公里全靠一首老歌。", "first5k"),
    Demo(
        288,
        18,
        "Home",
        ("kitchen",),
        "Sourdough, third try:\n\n"
        "- 500 g flour, 350 g water, 100 g starter\n- fold four times, a night in the fridge\n"
        "- 240 °C, lid off after 25 minutes\n\nFinally a crust that sings.",
        "bread",
        picture="bread",
        public=True,
    ),
    Demo(
        270,
        21,
        "Work",
        ("ideas",),
        "Idea: a page that shows what was slow today, grouped by who had to wait.",
        "slow",
        ("plan",),
    ),
    Demo(
        255,
        16,
        "旅行",
        ("家人",),
        "周末带爸妈去植物园看樱花，妈妈拍了两百多张照片，只删了三张。",
        "sakura",
        picture="blossom",
    ),
    Demo(
        240,
        10,
        "Home",
        ("garden",),
        "Twelve tomato plants along the south wall. Water in the evening, never at noon.",
        "tomato",
        ("wall",),
    ),
    Demo(226, 23, "读书", ("笔记",), "好的习惯靠环境，不靠意志力。把书放在枕头边，手机放在客厅充电。", "habit"),
    Demo(
        210,
        11,
        "Work",
        ("team",),
        "Retro: meetings before eleven cost us the best hours. We try *no meetings before lunch* for a month.",
        "retro",
    ),
    Demo(
        198,
        6,
        "日记",
        ("跑步", "早晨"),
        "六点的河边只有钓鱼的人。雾从水面上升起来，像有人慢慢掀开被子。",
        "mist",
        ("first5k",),
        "river",
        True,
    ),
    Demo(
        183, 20, "Home", ("money",), "Cancelled two subscriptions nobody used. That pays for the library card, twice."
    ),
    Demo(
        171,
        15,
        "Home",
        ("garden", "kitchen"),
        "First tomatoes! 1.4 kg in one evening. Half became sauce before anybody could argue.",
        "",
        ("tomato",),
    ),
    Demo(
        160,
        21,
        "旅行",
        ("计划",),
        "秋天去云南：坐火车到大理，住一周，骑车环洱海。\n\n- [x] 请假\n- [ ] 订民宿\n- [ ] 修自行车",
        "yunnan",
    ),
    Demo(
        149,
        22,
        "读书",
        ("科幻",),
        "Finished *The Left Hand of Darkness*, and went back to the first page. So few books earn that.",
        "",
        ("three",),
    ),
    Demo(
        133,
        17,
        "Work",
        ("database", "team"),
        "Backups now go to a second disk every night. We rehearsed restoring one: 12 minutes, two surprises.",
        "backup",
    ),
    Demo(
        121,
        12,
        "旅行",
        (),
        "洱海边的风比预报大得多，骑到双廊的时候腿已经不是自己的了，但是落日值得。",
        "erhai",
        ("yunnan",),
        "lake",
        True,
    ),
    Demo(120, 21, "旅行", ("家人",), "给爸妈寄了明信片。老板娘说邮局要走两周，“不着急的信才像信”。", "", ("erhai",)),
    Demo(
        101,
        13,
        "Work",
        ("ideas", "database"),
        "The slow page exists now. First finding: nobody is slower than our own dashboard.",
        "",
        ("slow",),
    ),
    Demo(90, 8, "日记", ("早晨",), "降温了。衣柜最里面的毛衣还带着去年冬天的樟脑味。"),
    Demo(
        77,
        19,
        "Home",
        ("kitchen",),
        "冬至包饺子，三鲜馅：虾仁、韭菜、鸡蛋。擀皮的手艺生疏了，圆的没几个。",
        "",
        ("moved",),
    ),
    Demo(62, 22, "读书", ("笔记",), "“记性是靠不住的，但纸记得。”所以有了这本日记。", "", ("habit",)),
    Demo(
        55,
        9,
        "Work",
        ("team",),
        "The month without morning meetings became three. Nobody wants the old calendar back.",
        "",
        ("retro",),
    ),
    Demo(
        44,
        15,
        "Home",
        ("money",),
        "Boiler serviced (140). Next one due in two years; the number is on the inside of the door.",
    ),
    Demo(34, 7, "日记", ("跑步", "早晨"), "十公里，五十八分钟。去年这时候五公里都要停两次。", "", ("first5k",)),
    Demo(27, 20, "日记", ("家人",), "爸爸学会了视频通话，只是每次都把摄像头对着天花板。"),
    Demo(
        21,
        11,
        "Home",
        ("garden",),
        "Seed order: 2 × San Marzano, 1 × basil, and the purple beans that L. swears by.",
        "",
        ("tomato",),
    ),
    Demo(14, 16, "Work", ("ideas",), "If a sentence in a report needs reading twice, it was written once too few."),
    Demo(9, 23, "读书", ("科幻", "笔记"), "科幻写的不是未来，是把现在推远一步来看。", "", ("three",)),
    Demo(
        6,
        18,
        "Home",
        ("kitchen",),
        "Starter revived after two weeks of neglect. Smells of apples again. See the recipe with the folds.",
        "",
        ("bread",),
    ),
    Demo(
        4,
        10,
        "Work",
        ("team", "计划"),
        "Thursday: planning\n\n1. what we stop doing\n2. what we finish\n3. only then, what is new",
    ),
    Demo(2, 21, "日记", ("家人",), "妈妈寄来一箱柿饼，箱底压着一张纸条：记得分给邻居。"),
    Demo(
        1,
        13,
        "Work",
        ("database",),
        "Restored last night's backup on the spare machine, just to be sure. 9 minutes now.",
        "",
        ("backup",),
    ),
    Demo(
        0,
        7,
        "日记",
        ("跑步", "早晨"),
        "今早又去河边跑了五公里，空气很好，回来煮了一碗葱油面。",
        "",
        ("mist",),
        "dawn",
        public=True,
    ),
)
