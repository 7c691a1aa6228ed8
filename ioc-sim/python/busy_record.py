"""The busy record: process() ends only when the value is 0, so a put with completion of 1 waits for somebody's 0."""

from record_type import Record, write_text


class Busy(Record):
    type_name = "busy"

    def init(self):
        self.told = self["VAL"]

    def process(self):
        self.stamp()
        if self["VAL"] != self.told:
            self.told = self["VAL"]
            self.announce("VAL")
        if self["VAL"] == 0:
            self.finish()

    def text(self, value):
        return self["ONAM"] if value else self["ZNAM"]

    @staticmethod
    def metadata(records):
        def get_enum_str(dbaddr, target):
            record = records[dbaddr.contents.record]
            write_text(target, record.text(record["VAL"]), 26)
            return 0

        def get_enum_strs(dbaddr, strings):
            record = records[dbaddr.contents.record]
            strings.contents.count = 2
            strings.contents.text[0].value = record.text(0)
            strings.contents.text[1].value = record.text(1)
            return 0

        def put_enum_str(dbaddr, text):
            record = records[dbaddr.contents.record]
            for value in (0, 1):
                if text == record.text(value):
                    record["VAL"] = value
                    return 0
            return -1

        return {"get_enum_str": get_enum_str, "get_enum_strs": get_enum_strs, "put_enum_str": put_enum_str}
