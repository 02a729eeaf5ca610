import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "settings.profile": "Profile",
    "settings.avatar": "Your picture",
    "settings.avatarChange": "Change picture",
    "settings.avatarRemove": "Remove picture",
    "settings.name": "Name",
    "settings.passwordChange": "Change password",
    "settings.passwordOld": "Current password",
    "settings.passwordNew": "New password",
    "settings.passwordOthers": "Log out everywhere else",
    "settings.passwordChanged": "The password has changed",
    "settings.passwordEnded_one": "The password has changed, {count} other login has ended",
    "settings.passwordEnded_other": "The password has changed, {count} other logins have ended",
    "settings.passwordWrong": "The current password is not right.",
  },
  {
    "settings.profile": "个人资料",
    "settings.avatar": "你的头像",
    "settings.avatarChange": "更换头像",
    "settings.avatarRemove": "移除头像",
    "settings.name": "昵称",
    "settings.passwordChange": "修改密码",
    "settings.passwordOld": "当前密码",
    "settings.passwordNew": "新密码",
    "settings.passwordOthers": "退出其他设备的登录",
    "settings.passwordChanged": "密码已修改",
    "settings.passwordEnded_one": "密码已修改，并退出了其他 {count} 处登录",
    "settings.passwordEnded_other": "密码已修改，并退出了其他 {count} 处登录",
    "settings.passwordWrong": "当前密码不正确。",
  },
);
