"""User agents of people who opened a link inside an app, as they look on the web; carriers name themselves freely."""

_IOS = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) {_IOS}"
_IPAD = f"Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) {_IOS}"
_SAMSUNG = (
    "Mozilla/5.0 (Linux; Android 14; SM-S928B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/125.0.6422.165 Mobile Safari/537.36"
)
_XIAOMI = (
    "Mozilla/5.0 (Linux; Android 13; 2201117TY Build/TKQ1.221114.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/124.0.6367.179 Mobile Safari/537.36"
)
_CUBOT = (
    "Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 21 Build/SP1A.210812.016; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/123.0.6312.118 Mobile Safari/537.36"
)


def _facebook_on_ios(carrier: str) -> str:
    return (
        f"{_IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/468.1.0.39.93;FBBV/608420351;FBDV/iPhone14,5;FBMD/iPhone;"
        f"FBSN/iOS;FBSV/17.5.1;FBSS/3;FBID/phone;FBCR/{carrier};FBLC/de_DE;FBOP/80]"
    )


IN_APP = [
    # Facebook and Messenger
    *map(
        _facebook_on_ios,
        ("", "Telekom.de", "Vodafone.de", "中国移动", "Orange España", "МегаФон", "ドコモ", "Türk Telekom", "Bitė"),
    ),
    f"{_IPHONE} Mobile/21F90 [FBAN/FBIOS;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/17.5.1;FBSS/3;FBCR/;FBID/phone]",
    f"{_IPAD} Mobile/15E148 [FBAN/FBIOS;FBAV/460.0.0.40.108;FBDV/iPad13,4;FBMD/iPad;FBSN/iPadOS;FBSV/16.7;FBLC/en_US]",
    f"{_IPHONE} Mobile/15E148 [FBAN/MessengerLiteForiOS;FBAV/458.0.0.27.105;FBDV/iPhone13,2;FBSN/iOS;FBSV/17.5.1]",
    f"{_SAMSUNG} [FB_IAB/FB4A;FBAV/467.1.0.52.83;IABMV/1;]",
    f"{_XIAOMI} [FB_IAB/FB4A;FBAV/465.0.0.64.78;FBPN/com.facebook.katana;]",
    f"{_XIAOMI} [FB_IAB/Orca-Android;FBAV/461.0.0.44.109;]",
    f"{_CUBOT} [FB_IAB/FB4A;FBAV/467.1.0.52.83;]",
    # Instagram, Threads
    f"{_IPHONE} Mobile/21F90 Instagram 334.0.4.32.98 (iPhone15,2; iOS 17_5_1; de_DE; de; scale=3.00; 1179x2556; 6)",
    f"{_IPAD} Mobile/15E148 Instagram 331.1.4.30.75 (iPad13,4; iPadOS 16_7; en_US; en; scale=2.00; 1668x2388; 59)",
    f"{_SAMSUNG} Instagram 334.0.0.42.95 Android (34/14; 480dpi; 1080x2120; samsung; SM-S928B; e3q; qcom; tr_TR; 61)",
    f"{_CUBOT} Instagram 333.0.0.42.91 Android (31/12; 320dpi; 720x1450; CUBOT; NOTE 21; NOTE_21; ums512; pl_PL; 60)",
    f"{_IPHONE} Mobile/15E148 Barcelona 334.0.1.29.98 (iPhone14,7; iOS 17_5_1; en_GB; en; scale=3.00; 1170x2532; 6)",
    # TikTok
    f"{_IPHONE} Mobile/15E148 BytedanceWebview/d8a21c6 musical_ly_34.8.0 JsSdk/2.0 NetType/WIFI Channel/App Store "
    "ByteLocale/de Region/DE FalconTag/6A2B isDarkMode/1 WKWebView/1 RevealType/Dialog",
    f"{_IPHONE} Mobile/15E148 musical_ly_35.0.0 BytedanceWebview/d8a21c6 NetType/4G ByteFullLocale/ar-EG Region/EG",
    f"{_SAMSUNG} trill_2023500030 JsSdk/1.0 NetType/MOBILE Channel/googleplay AppName/trill app_version/35.0.3 "
    "ByteLocale/vi-VN ByteFullLocale/vi-VN Region/VN AppId/1180 Spark/1.5.5.1-bugfix BytedanceWebview/d8a21c6",
    f"{_XIAOMI} musical_ly_2023408040 JsSdk/1.0 NetType/WIFI Channel/googleplay AppName/musical_ly ByteLocale/pt-BR "
    "Region/BR AppId/1233 BytedanceWebview/d8a21c6",
    f"{_CUBOT} musical_ly_2023407050 JsSdk/1.0 NetType/MOBILE AppName/musical_ly Region/PL BytedanceWebview/d8a21c6",
    # Snapchat
    f"{_IPHONE} Mobile/21F90 Snapchat/12.92.0.37 (like Safari/8618.2.12.10.9, panda)",
    f"{_SAMSUNG} Snapchat/12.91.0.42 (SM-S928B; Android 14#UP1A.231005.007#34; gzip; )",
    # X
    f"{_IPHONE} Mobile/15E148 Twitter for iPhone/10.45",
    f"{_SAMSUNG} TwitterAndroid",
    f"{_IPAD} Mobile/15E148 Twitter for iPad/10.44",
    # LINE, KakaoTalk, WeChat
    f"{_IPHONE} Mobile/15E148 Safari Line/14.9.0",
    f"{_SAMSUNG} Line/14.9.1/IAB",
    f"{_IPHONE} Mobile/15E148 KAKAOTALK 10.8.5",
    f"{_IPHONE} Mobile/15E148 MicroMessenger/8.0.49(0x1800312d) NetType/WIFI Language/zh_CN",
    # Google's own app, Pinterest, LinkedIn, Reddit, Telegram
    f"{_IPHONE} GSA/320.0.641253453 Mobile/15E148 Safari/604.1",
    f"{_IPAD} GSA/318.1.639117520 Mobile/15E148 Safari/604.1",
    f"{_SAMSUNG} GSA/15.23.36.28.arm64",
    f"{_IPHONE} Mobile/15E148 [Pinterest/iOS]",
    f"{_SAMSUNG} [Pinterest/Android]",
    f"{_IPHONE} Mobile/15E148 [LinkedInApp]/9.29.7586",
    f"{_SAMSUNG} Reddit/2024.23.0",
    f"{_SAMSUNG} Telegram-Android/10.14.5 (Samsung SM-S928B; Android 14; SDK 34; HIGH)",
]
