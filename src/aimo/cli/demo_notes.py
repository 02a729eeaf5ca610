"""Short memos of the demo user between those that belong together: most days have only one thing to say."""

from __future__ import annotations

from typing import Final

from aimo.cli.demo_memos import Demo

NOTES: Final = (
    Demo(352, 21, "日记", ("家人",), "搬家后的第一个周末，爸妈带来一锅炖牛肉和一盆绿萝。"),
    Demo(347, 8, "Work", ("team",), "First day back. Forty unread threads, of which three mattered."),
    Demo(334, 22, "读书", ("笔记",), "“读过的书会忘掉，但会变成骨头。”不知道是谁说的。"),
    Demo(329, 13, "Home", ("money",), "New flat, new numbers: rent is a third now. Groceries up, taxis down."),
    Demo(316, 7, "日记", ("早晨",), "下雪了，窗台上积了薄薄一层，整条街都安静下来。", picture="snow"),
    Demo(312, 19, "Home", ("kitchen",), "Miso soup is mostly patience: never boil it after the miso is in."),
    Demo(
        307, 16, "Work", ("ideas",), "A form that saves at every keystroke needs no Save button. Why do ours have one?"
    ),
    Demo(295, 20, "日记", ("家人",), "妈妈第一次用手机付钱，买了一把葱，高兴了一整天。"),
    Demo(283, 10, "Work", ("database",), "An index is a promise to keep two lists in step. Promise less."),
    Demo(279, 23, "读书", ("科幻",), "重读《银河系漫游指南》，还是会在“不要恐慌”那里笑出来。"),
    Demo(
        262,
        15,
        "Home",
        ("garden",),
        "Tomato seeds on the kitchen sill, under a lamp. Day nine: the first loop of green.",
    ),
    Demo(258, 7, "日记", ("跑步", "早晨"), "腰有点酸，改成快走。路上的玉兰开了一半。"),
    Demo(
        251, 11, "Work", ("team",), "Pairing with the new colleague: she asks why until nobody can answer. Excellent."
    ),
    Demo(246, 21, "旅行", ("计划",), "清单：充电线、雨衣、一本不厚的书、给民宿老板的茶。"),
    Demo(
        233, 18, "Home", ("kitchen",), "Pickled radish: 2 parts vinegar, 1 part sugar, 1 part water, a day in the dark."
    ),
    Demo(229, 9, "Work", ("database",), "The slow query was a missing statistics run. Add it to the checklist."),
    Demo(219, 22, "日记", ("家人",), "和爸爸下棋，他让了我一个车，还是输了。"),
    Demo(214, 12, "Work", ("ideas",), "Idea: let a report begin with the one sentence somebody will quote."),
    Demo(205, 6, "日记", ("早晨",), "五点半被鸟叫醒，索性起来煮咖啡。厨房的光是斜的。", picture="morning"),
    Demo(
        201,
        17,
        "Home",
        ("garden",),
        "Snails ate the basil. Copper tape arrives on Friday; until then, a torch at ten o'clock.",
    ),
    Demo(193, 20, "读书", ("笔记",), "读《禅与摩托车维修艺术》：难的不是修车，是愿意看清它哪里坏了。"),
    Demo(188, 14, "Work", ("team",), "Wrote down how we deploy. It took an hour and ended four arguments."),
    Demo(179, 21, "日记", (), "雷阵雨，把阳台上的衣服又洗了一遍。"),
    Demo(
        176,
        19,
        "Home",
        ("kitchen",),
        "Cold noodles with cucumber and sesame. Too hot for anything that needs the stove.",
    ),
    Demo(166, 8, "日记", ("跑步",), "三公里，每一步都是湿的。夏天跑步像游泳。"),
    Demo(163, 16, "Work", ("database",), "Moved the archive to its own table. The page that took 4 s takes 0.2 s."),
    Demo(154, 23, "读书", ("科幻",), "“人们总以为未来会轰隆隆地来，其实它是轻手轻脚的。”"),
    Demo(145, 10, "Home", ("garden",), "Second round of beans. The purple ones climb whatever stands still."),
    Demo(141, 20, "日记", ("家人",), "外婆的蒲扇修好了，换了一根竹柄。"),
    Demo(137, 11, "Work", ("ideas",), "Names: call it what the people who use it call it. The rest is translation."),
    Demo(129, 15, "旅行", (), "火车晚点两小时，在站台上看完了半本书。", picture="dusk"),
    Demo(119, 9, "旅行", (), "早市上的菌子有十几种，一种也叫不出名字。老板说：“都好吃，别都试。”"),
    Demo(117, 18, "旅行", (), "苍山半山腰起雾，只听见铃铛响，看不见马。", picture="forest"),
    Demo(112, 22, "日记", (), "回家。冰箱里只有鸡蛋和酱油，够了。"),
    Demo(107, 10, "Work", ("team",), "Everybody presents somebody else's work today. Best review we ever had."),
    Demo(97, 19, "Home", ("money",), "Repaired the kettle with a part for 3.20. The new one would have been 60."),
    Demo(94, 7, "日记", ("早晨", "跑步"), "桂花开了，跑步的时候一路都是甜的。"),
    Demo(
        86, 14, "Work", ("database",), "Read replicas lag when nobody looks. Now somebody looks: a graph on the wall."
    ),
    Demo(82, 21, "读书", ("笔记",), "每天十页，三个月读完一本厚书。慢，但没有断过。"),
    Demo(
        74,
        12,
        "Home",
        ("kitchen",),
        "Pumpkin soup: roast it first, with the skin. Ginger at the end, not at the beginning.",
    ),
    Demo(70, 20, "日记", ("家人",), "爸爸学会了发语音，现在每条都是六十秒。"),
    Demo(
        66, 16, "Work", ("ideas",), "If a setting needs a paragraph to explain, it wants to be two settings, or none."
    ),
    Demo(58, 8, "日记", ("早晨",), "第一场霜，车窗上画了一只猫。"),
    Demo(52, 22, "读书", ("科幻",), "《流浪地球》的结尾，今晚读来不是悲壮，是疲倦和相信。"),
    Demo(
        49,
        18,
        "Home",
        ("garden",),
        "Pulled the last tomatoes. Green ones become chutney; the soil gets a blanket of leaves.",
    ),
    Demo(
        46,
        11,
        "Work",
        ("team",),
        "Onboarding note: the coffee machine has a queue, the database does not. Fix the second first.",
    ),
    Demo(40, 21, "日记", (), "停电一小时，点了蜡烛，谁也没有看手机。"),
    Demo(
        37,
        13,
        "Work",
        ("database",),
        "Tested the restore with last year's backup: works, and taught us which column had changed.",
    ),
    Demo(31, 19, "旅行", ("计划",), "春天想去泉州：看开元寺，吃面线糊，住老城里。", picture="sea"),
    Demo(29, 9, "Home", ("money",), "Yearly sums: books 1, coffee 0. Nobody believes the second number."),
    Demo(24, 17, "Home", ("kitchen",), "Apple cake with too little sugar. Everybody asked for seconds anyway."),
    Demo(18, 7, "日记", ("跑步", "早晨"), "跑到一半下起小雨，没有停，反而轻快。"),
    Demo(16, 20, "日记", ("家人",), "教妈妈用这个写日记，她写的第一句是：“今天的白菜很新鲜。”"),
    Demo(12, 15, "Work", ("ideas",), "A search that says why it found something is trusted twice."),
    Demo(11, 22, "读书", ("笔记",), "把去年的笔记读了一遍，像收到一个比我勤快的人的来信。"),
    Demo(8, 12, "Work", ("team",), "Said no to a meeting with a reason, got a thank-you."),
    Demo(7, 19, "Home", ("garden",), "Garlic is in: forty cloves, pointed end up, a hand apart."),
    Demo(5, 21, "日记", (), "晚饭后绕着小区走了三圈，认识了一只叫元宝的橘猫。"),
    Demo(3, 9, "Work", ("database",), "Two of three alarms were the alarm itself. Quieter now."),
    Demo(1, 22, "读书", (), "睡前读了一首短诗，只有四行，想了很久。"),
)

DELETED: Final = (
    Demo(20, 10, "Work", (), "Call the printer people. Again."),
    Demo(13, 18, "Home", ("kitchen",), "Shopping: rice, tofu, spring onions, soy sauce, batteries."),
    Demo(4, 20, "日记", (), "试试这个新笔记软件好不好用。"),
)
